"""What a job runs in: its record, the lock of the folder, its device, its memory, the digest of its code."""
