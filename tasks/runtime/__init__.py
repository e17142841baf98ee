"""What all stages share: the stage decorator, the session, parameters, results. Stages are in tasks/."""
