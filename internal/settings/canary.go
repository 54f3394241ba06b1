package settings

import (
	"errors"
	"time"
)

// Canary is the environment of the function that checks the service as a client does.
type Canary struct {
	URL       string // of the API
	KeySecret string // name or ARN in Secrets Manager; "": the API is open
	Deadline  time.Duration
}

// LoadCanary reads the environment of the canary. The error joins every problem.
func LoadCanary(lookup Lookup) (Canary, error) {
	r := &reader{lookup: lookup}
	c := r.canary()
	if c.URL == "" {
		r.problems = append(r.problems, errors.New("CANARY_URL: must be set"))
	}
	return c, r.err()
}

func (r *reader) canary() Canary {
	return Canary{
		URL:       r.baseURL("CANARY_URL", "the API that the canary posts to"),
		KeySecret: r.canaryKey(),
		Deadline: r.duration("CANARY_DEADLINE", 45*time.Second, time.Second, 5*time.Minute,
			"within which the canary's event must be processed"),
	}
}

func (r *reader) canaryKey() string {
	return r.text("CANARY_KEY_SECRET", "", "secret in Secrets Manager with the key of the stack's canary, which makes "+
		"it; the API reads it with its keys")
}
