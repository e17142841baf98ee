"""What configures a run: definitions say what to do, settings say where. No data is read here."""
