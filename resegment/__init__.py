"""The command `resegment`, one module per group of commands. The work itself is in flows/ and below."""
