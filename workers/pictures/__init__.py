"""What people look at: tables, timelines, bars and sentences."""
