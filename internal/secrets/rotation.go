package secrets

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// Pending is the stage of the version that a rotation makes, until it is the current one.
const Pending = "AWSPENDING"

// Stages are those of each version.
func (d *Document) Stages(ctx context.Context) (map[string][]string, error) {
	out, err := d.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &d.id})
	if err != nil {
		return nil, fmt.Errorf("describe secret %s: %w", d.id, err)
	}
	return out.VersionIdsToStages, nil
}

// Version is the text of one; found is false where a rotation has announced it and made none yet.
func (d *Document) Version(ctx context.Context, version string) (text string, found bool, err error) {
	out, err := d.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &d.id, VersionId: &version})
	if _, absent := errors.AsType[*sm.ResourceNotFoundException](err); absent {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read a version of secret %s: %w", d.id, err)
	}
	return aws.ToString(out.SecretString), true, nil
}

// StorePending makes text the pending version. Readers of the secret see nothing of it.
func (d *Document) StorePending(ctx context.Context, version, text string) error {
	_, err := d.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &d.id, SecretString: &text,
		ClientRequestToken: &version, VersionStages: []string{Pending}})
	if err != nil {
		return fmt.Errorf("store the pending version of secret %s: %w", d.id, err)
	}
	return nil
}

// Promote makes version the current one in place of before, "" where there was none.
func (d *Document) Promote(ctx context.Context, version, before string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &d.id, VersionStage: aws.String(Current),
		MoveToVersionId: &version}
	if before != "" {
		in.RemoveFromVersionId = &before
	}
	if _, err := d.client.UpdateSecretVersionStage(ctx, in); err != nil {
		return fmt.Errorf("make the new version of secret %s the current one: %w", d.id, err)
	}
	return nil
}
