package secrets

import (
	"crypto/rand"
	"encoding/base64"
)

// KeyLength is how many characters a key of NewKey has.
const KeyLength = 43

// NewKey makes a key for the API of 256 random bits.
func NewKey() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}
