package settings_test

import (
	"errors"
	"testing"

	"event-processing-service/internal/settings"
)

func TestAKeyStoreIsOneOfThreeAndNothingElse(t *testing.T) {
	for url, good := range map[string]bool{
		"file:///keys": true, "dynamodb://keys": true, "dynamodb://keys?kms=alias/keys": true,
		"dynamodb://keys?kms=arn:aws:kms:us-east-1:123456789012:key/1": true,
		"s3://keys": false, "file://keys": false, "file:///keys?kms=k": false, "dynamodb://": false,
		"dynamodb://keys/x": false, "dynamodb://keys?": false, "dynamodb://keys?kms=": false,
		"dynamodb://keys?KMS=k": false, "dynamodb://keys?kms=k&kms=l": false, "dynamodb://keys?kms=k&x=y": false,
	} {
		env, err := settings.LoadAPI(func(name string) (string, bool) {
			if name != "SUBJECT_KEYS" {
				return "", false
			}
			return url, true
		})
		if (err == nil) != good || good && env.Keys.URL != url {
			t.Errorf("%s: %q, %v", url, env.Keys.URL, err)
		}
		if err != nil && !errors.Is(err, settings.ErrEnvironment) {
			t.Errorf("%s: %v is not about the environment", url, err)
		}
	}
}
