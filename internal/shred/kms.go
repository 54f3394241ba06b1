package shred

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Wrapper encrypts secrets, so that who has a copy of the table has no key. What a secret is for must be the same when
// it is unwrapped: one that was moved to another subject, or to a table of another name, is refused.
type Wrapper interface {
	Make(ctx context.Context, purpose map[string]string) (secret [32]byte, wrapped []byte, err error)
	Unwrap(ctx context.Context, wrapped []byte, purpose map[string]string) (secret [32]byte, err error)
}

// KMS wraps secrets with a key of AWS KMS, which never leaves it.
type KMS struct {
	client *kms.Client
	key    string
}

// NewKMS wraps with a key that an id, an ARN or an alias names.
func NewKMS(cfg aws.Config, key string) *KMS {
	return &KMS{key: key, client: kms.NewFromConfig(cfg, func(o *kms.Options) {
		o.Retryer, o.HTTPClient = retryer(), impatient(o.HTTPClient)
	})}
}

// Make makes a secret. CloudTrail shows the purpose, and so does the condition of a right.
func (k *KMS) Make(ctx context.Context, purpose map[string]string) (secret [32]byte, wrapped []byte, err error) {
	out, err := k.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &k.key,
		KeySpec: types.DataKeySpecAes256, EncryptionContext: purpose})
	if err != nil {
		return secret, nil, fmt.Errorf("make key with KMS key %s: %w", k.key, err)
	}
	secret, err = k.secret(out.Plaintext)
	return secret, out.CiphertextBlob, err
}

// Unwrap decrypts a secret. The key is named, so that no other key that the role may use is taken.
func (k *KMS) Unwrap(ctx context.Context, wrapped []byte, purpose map[string]string) (secret [32]byte, err error) {
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.key, CiphertextBlob: wrapped,
		EncryptionContext: purpose})
	if err != nil {
		return secret, fmt.Errorf("unwrap key with KMS key %s: %w", k.key, err)
	}
	return k.secret(out.Plaintext)
}

var errSecret = errors.New("what KMS has decrypted is no key of this program")

func (k *KMS) secret(plain []byte) (secret [32]byte, err error) {
	if len(plain) != len(secret) {
		return secret, fmt.Errorf("unwrap key with KMS key %s: %w", k.key, errSecret)
	}
	copy(secret[:], plain)
	return secret, nil
}
