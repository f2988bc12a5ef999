"""Images, from where they come to what a network takes."""
