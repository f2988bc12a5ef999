"""What a job runs in: threads, log and record; device, memory, Snakemake's lock, code digests."""
