package doctor

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

type secret struct {
	secretsmanager.DescribeSecretOutput
	err error
}

func (s secret) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput,
	...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return &s.DescribeSecretOutput, s.err
}

// keys are some that were changed yesterday, with a change.
func keys(change func(*secret)) Keys {
	s := &secret{DescribeSecretOutput: secretsmanager.DescribeSecretOutput{
		LastChangedDate:    aws.Time(time.Now().Add(-24 * time.Hour)),
		VersionIdsToStages: map[string][]string{"a": {"AWSPREVIOUS"}, "b": {"AWSCURRENT", "AWSPENDING"}}}}
	change(s)
	return Keys{s, "shop/api-keys"}
}

func TestKeysThatAreFreshAndWholeAreWell(t *testing.T) {
	expect(t, keys(func(*secret) {}), "")
	expect(t, Keys{secret{err: errDenied}, ""}, "") // a stack without keys
}

func TestAChangeOfKeysThatNobodyFinishedIsFound(t *testing.T) {
	expect(t, keys(func(s *secret) { s.VersionIdsToStages["c"] = []string{"AWSPENDING"} }), "",
		Finding{"the version c of the secret shop/api-keys is AWSPENDING: a rotation was begun and not finished",
			"keys-of-the-api"})
}

func TestKeysThatAreOldOrGoingOrGoneAreFound(t *testing.T) {
	find := func(what string) Finding { return Finding{what, "keys-of-the-api"} }
	expect(t, keys(func(s *secret) { s.LastChangedDate = aws.Time(time.Date(2020, 1, 31, 0, 0, 0, 0, time.UTC)) }), "",
		find("the keys in shop/api-keys were last changed on 2020-01-31"))
	expect(t, keys(func(s *secret) { s.DeletedDate = aws.Time(time.Now()) }), "",
		find("the secret shop/api-keys will be deleted"))
	expect(t, keys(func(s *secret) { delete(s.VersionIdsToStages, "b") }), "",
		find("the secret shop/api-keys has no version that is AWSCURRENT"))
	expect(t, Keys{secret{err: &types.ResourceNotFoundException{}}, "shop/api-keys"}, "",
		find("there is no secret shop/api-keys: pulumi up makes it"))
	expect(t, Keys{secret{err: errDenied}, "shop/api-keys"}, "describe secret shop/api-keys: AccessDenied")
}
