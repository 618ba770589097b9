"""What the project claims about speed and quality, re-measured: `make bench` or `python -m benchmarks NAME`."""
