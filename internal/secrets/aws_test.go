package secrets_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"event-processing-service/internal/secrets"
)

// cloud answers as AWS's two services do: JSON 1.1 over HTTP, the operation in X-Amz-Target.
func cloud(t *testing.T) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in := string(body)
		answer := func(status int, text string) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "secretsmanager.GetSecretValue" && strings.Contains(in, `"shop/key"`):
			answer(200, `{"SecretString":"text"}`)
		case target == "secretsmanager.GetSecretValue" && strings.Contains(in, `"shop/blob"`):
			answer(200, `{"SecretBinary":"Ynl0ZXM="}`)
		case target == "secretsmanager.GetSecretValue" && strings.Contains(in, `"forbidden"`):
			answer(400, `{"__type":"AccessDeniedException","Message":"not authorized"}`)
		case target == "secretsmanager.GetSecretValue":
			answer(400, `{"__type":"ResourceNotFoundException","Message":"can't find the specified secret."}`)
		case target == "AmazonSSM.GetParameter" && strings.Contains(in, `"/shop"`) &&
			strings.Contains(in, `"WithDecryption":true`):
			answer(200, `{"Parameter":{"Value":"parameter"}}`)
		case target == "AmazonSSM.GetParameter":
			answer(400, `{"__type":"ParameterNotFound"}`)
		default:
			answer(500, `{}`)
		}
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

func TestSecretsAreReadFromBothServices(t *testing.T) {
	read := secrets.AWS(cloud(t))
	for r, want := range map[secrets.Reference]string{
		{Service: secrets.SecretsManager, ID: "shop/key"}:  "text",
		{Service: secrets.SecretsManager, ID: "shop/blob"}: "bytes",
		{Service: secrets.ParameterStore, ID: "/shop"}:     "parameter",
	} {
		if got, err := read(t.Context(), r); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", r, got, err, want)
		}
	}
}

func TestWhyASecretCanNotBeReadIsSaid(t *testing.T) {
	read := secrets.AWS(cloud(t))
	for r, want := range map[secrets.Reference]string{
		{Service: secrets.SecretsManager, ID: "none"}:      "there is no such secret in us-east-1",
		{Service: secrets.ParameterStore, ID: "/none"}:     "there is no such secret in us-east-1",
		{Service: secrets.SecretsManager, ID: "forbidden"}: "not authorized",
	} {
		if _, err := read(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s ends with %v, want %s", r, err, want)
		}
	}
}
