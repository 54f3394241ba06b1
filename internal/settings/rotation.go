package settings

import (
	"encoding/json"
	"errors"
	"time"
)

// Rotation is the environment of the function that gives clients new keys.
type Rotation struct {
	Clients    map[string]string // ARNs of the secrets that hold their keys, by the clients' names
	KeysSecret string            // of the API
	URL        string            // of the API
	Overlap    time.Duration
}

// LoadRotation reads the environment of the rotation. The error joins every problem.
func LoadRotation(lookup Lookup) (Rotation, error) {
	r := &reader{lookup: lookup}
	s := r.rotation()
	if len(s.Clients) == 0 || s.KeysSecret == "" || s.URL == "" {
		r.problems = append(r.problems, errors.New("ROTATION_CLIENTS, ROTATION_KEYS_SECRET, ROTATION_URL: must be set"))
	}
	return s, r.err()
}

func (r *reader) rotation() Rotation {
	s := Rotation{
		KeysSecret: r.text("ROTATION_KEYS_SECRET", "", "secret in Secrets Manager with the keys of the API's clients"),
		URL:        r.baseURL("ROTATION_URL", "the API, which has to know a new key before its client gets it"),
		Overlap: r.duration("ROTATION_OVERLAP", 24*time.Hour, 10*time.Minute, 90*24*time.Hour,
			"how long a client's keys before the new one go on to work"),
	}
	text := r.text("ROTATION_CLIENTS", "", "secrets that hold clients' keys, `{\"CLIENT\":\"ARN\"}`")
	if text != "" && json.Unmarshal([]byte(text), &s.Clients) != nil {
		r.problem("ROTATION_CLIENTS", text, `like {"CLIENT":"ARN"}`)
	}
	return s
}
