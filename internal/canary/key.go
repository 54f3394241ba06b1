package canary

import (
	"crypto/rand"
	"encoding/base64"
)

// KeyLength is of a key's characters.
const KeyLength = 43

// NewKey makes a key of 256 random bits.
func NewKey() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}
