package secrets

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	parameters "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// The services of AWS that AWS's reader knows.
const (
	SecretsManager = "Secrets Manager"
	ParameterStore = "Parameter Store"
)

// Both are plainer than what AWS says, which has request ids and no region.
var (
	errAbsent  = errors.New("there is no such secret")
	errDeleted = errors.New("it is marked for deletion")
)

// AWS reads from Secrets Manager and from Systems Manager's Parameter Store.
func AWS(cfg aws.Config) Read {
	secrets, store := secretsmanager.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	return func(ctx context.Context, r Reference) (string, error) {
		if r.Service == ParameterStore {
			out, err := store.GetParameter(ctx, &ssm.GetParameterInput{Name: &r.ID, WithDecryption: aws.Bool(true)})
			if _, absent := errors.AsType[*parameters.ParameterNotFound](err); absent {
				return "", fmt.Errorf("%w in %s", errAbsent, cfg.Region)
			}
			if err != nil {
				return "", err
			}
			return aws.ToString(out.Parameter.Value), nil
		}
		out, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.ID})
		if _, absent := errors.AsType[*sm.ResourceNotFoundException](err); absent {
			return "", fmt.Errorf("%w in %s", errAbsent, cfg.Region)
		}
		if _, deleted := errors.AsType[*sm.InvalidRequestException](err); deleted {
			return "", errDeleted
		}
		if err != nil {
			return "", err
		}
		if out.SecretString == nil {
			return string(out.SecretBinary), nil
		}
		return *out.SecretString, nil
	}
}
