package emf

import (
	"io"
	"os"
	"time"
)

// Check is what became of one check of the canary. A duration of 0 is a step that did not succeed.
type Check struct {
	At                  time.Time
	Accepted, Processed time.Duration
}

// WriteCheck writes it to w, as metrics of this function.
func WriteCheck(w io.Writer, c Check) error {
	d := document{at: c.At, values: map[string]any{}}
	d.dimension("FunctionName", os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
	failed := 1
	if c.Processed > 0 {
		failed = 0
	}
	d.metric("CanaryFailed", "Count", failed)
	for _, step := range []struct {
		name  string
		after time.Duration
	}{{"CanaryAccepted", c.Accepted}, {"CanaryProcessed", c.Processed}} {
		if step.after > 0 {
			d.metric(step.name, "Milliseconds", step.after.Milliseconds())
		}
	}
	line, err := d.line()
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}
