"""Where flows run: the local server, the stack on one machine, pool, automations and deployments."""
