package secrets_test

import (
	"testing"

	"event-processing-service/internal/secrets"
)

func TestKeysAreDifferentAndAsLongAsTheAPIDemands(t *testing.T) {
	if one, two := secrets.NewKey(), secrets.NewKey(); one == two || len(one) != secrets.KeyLength {
		t.Errorf("%q and %q", one, two)
	}
}
