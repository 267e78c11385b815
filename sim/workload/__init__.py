"""What arrives: requests and jobs."""
