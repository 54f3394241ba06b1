package processortest

import "time"

// SetStuckAfter is for a child process of a test.
func SetStuckAfter(d time.Duration) { stuckAfter = d }
