"""What shows and measures the system: demo, benches, scenarios, sample data, a gateway to try against."""
