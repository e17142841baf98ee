"""Where flows run: the local server, and later work pools and schedules."""
