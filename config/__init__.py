"""What a run is told: definitions (what) and settings (where). No data is read here."""
