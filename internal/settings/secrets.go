package settings

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Secret says where a secret of the handlers is stored: one of the two. The value itself is not a setting.
type Secret struct {
	SecretsManager string `json:"secretsManager,omitempty"` // a secret's name or ARN
	Parameter      string `json:"parameter,omitempty"`      // a name or ARN in Systems Manager's Parameter Store
	JSON           bool   `json:"json,omitempty"`           // its value must be JSON
}

func (r *reader) secrets(name, meaning string) (secrets map[string]Secret) {
	text := r.text(name, "", meaning)
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&secrets); err != nil {
		r.problem(name, text, "a JSON object of secrets by name: "+err.Error())
		return nil
	}
	for _, secret := range slices.Sorted(maps.Keys(secrets)) {
		if s := secrets[secret]; (s.SecretsManager == "") == (s.Parameter == "") {
			r.problem(name, text, secret+" with either secretsManager or parameter")
		}
	}
	return secrets
}
