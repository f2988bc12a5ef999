"""What people look at: tables, pages, the leaderboard, the summary of a run."""
