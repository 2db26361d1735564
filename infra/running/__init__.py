"""The running system: services, worker, sinks and API, as demo, stories, benches and tests start them."""
