package secrets

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// ErrChanged says that somebody else has replaced the document since it was read. Nothing was replaced.
var ErrChanged = errors.New("the secret has changed since it was read; run the command again")

// Current is the stage of the version that readers get.
const Current = "AWSCURRENT"

// Document is a secret in Secrets Manager that is read, changed and replaced as a whole.
type Document struct {
	client *secretsmanager.Client
	id     string
}

// NewDocument names the secret by its name or ARN.
func NewDocument(cfg aws.Config, id string) *Document {
	return &Document{client: secretsmanager.NewFromConfig(cfg), id: id}
}

// Read returns the text and its version.
func (d *Document) Read(ctx context.Context) (text, version string, err error) {
	out, err := d.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &d.id})
	if err != nil {
		return "", "", fmt.Errorf("read secret %s: %w", d.id, err)
	}
	return aws.ToString(out.SecretString), aws.ToString(out.VersionId), nil
}

// ReadOrStore returns the text. Where there is none yet, it stores what value returns, and returns that.
func (d *Document) ReadOrStore(ctx context.Context, value func() string) (text string, stored bool, err error) {
	text, _, err = d.Read(ctx)
	if _, absent := errors.AsType[*sm.ResourceNotFoundException](err); !absent {
		return text, false, err
	}
	text = value()
	if _, err := d.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &d.id, SecretString: &text}); err != nil {
		return "", false, fmt.Errorf("store secret %s: %w", d.id, err)
	}
	return text, true, nil
}

// Replace makes text the current version in place of the one that was read. A new version is stored beside it first,
// and then the stage that readers look at moves from the one to the other, which Secrets Manager refuses if it is no
// longer there: the error is ErrChanged.
func (d *Document) Replace(ctx context.Context, text, version string) error {
	stored, err := d.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &d.id, SecretString: &text, VersionStages: []string{"eventctl"}})
	if err != nil {
		return fmt.Errorf("store secret %s: %w", d.id, err)
	}
	_, err = d.client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &d.id, VersionStage: aws.String(Current), MoveToVersionId: stored.VersionId, RemoveFromVersionId: &version})
	if _, moved := errors.AsType[*sm.InvalidParameterException](err); moved {
		return fmt.Errorf("%w (%w)", ErrChanged, err)
	}
	if err != nil {
		return fmt.Errorf("make the new version of secret %s the current one: %w", d.id, err)
	}
	return nil
}
