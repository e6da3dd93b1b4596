"""The closed loop: a simulated market is served by the real engine, answers by its truth, and is learned from, day after day."""
