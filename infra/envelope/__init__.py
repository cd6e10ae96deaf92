"""What surrounds an event or a command on its way: CloudEvents, results, the codec, the hash chain."""
