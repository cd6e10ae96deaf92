"""The command line `rma`: one file a group of commands."""

from workers.runtime.garbage import NEW_OBJECTS, look_after

look_after(NEW_OBJECTS)  # before anything else is imported: that makes objects, and no garbage
