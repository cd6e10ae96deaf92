"""What comes from outside, spoiled in every way: envelope, bodies of all commands, policy documents.

    python -m tests.fuzz --seconds 600 --seed 7

Whatever the bytes, a record is accepted, refused or malformed, and soon. What came to something that nothing in
``corpus/`` had come to is added there, and spoiled further: a corpus is kept, and grows.
"""
