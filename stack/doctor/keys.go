package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// KeysAPI is the part of Secrets Manager that describes a secret, without its value.
type KeysAPI interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (
		*secretsmanager.DescribeSecretOutput, error)
}

// Keys finds keys of the API that are missing or old, and rotations that nobody finished.
type Keys struct {
	API    KeysAPI
	Secret string // "": the API asks for no keys
}

// oldAge is a year: by then somebody who knew a key has probably left.
const oldAge = 365 * 24 * time.Hour

// Name is the check's.
func (Keys) Name() string { return "keys" }

// Ask asks Secrets Manager.
func (k Keys) Ask(ctx context.Context) (found []Finding, err error) {
	if k.Secret == "" {
		return nil, nil
	}
	find := func(format string, args ...any) {
		found = append(found, Finding{fmt.Sprintf(format, args...), headingKeys})
	}
	out, err := k.API.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &k.Secret})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		find("there is no secret %s: pulumi up makes it", k.Secret)
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe secret %s: %w", k.Secret, err)
	}
	if out.DeletedDate != nil {
		find("the secret %s will be deleted", k.Secret)
	}
	current := false
	for version, stages := range out.VersionIdsToStages {
		isCurrent := slices.Contains(stages, "AWSCURRENT")
		current = current || isCurrent
		if slices.Contains(stages, "AWSPENDING") && !isCurrent {
			find("the version %s of the secret %s is AWSPENDING: a rotation was begun and not finished", version, k.Secret)
		}
	}
	if !current {
		find("the secret %s has no version that is AWSCURRENT", k.Secret)
	}
	if changed := aws.ToTime(out.LastChangedDate); !changed.IsZero() && time.Since(changed) > oldAge {
		find("the keys in %s were last changed on %s", k.Secret, changed.UTC().Format(time.DateOnly))
	}
	return found, nil
}
