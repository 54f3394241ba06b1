package doctor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var session = aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key", SessionToken: "session"}

// signed is the signature that a request must have.
func signed(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	at, timeErr := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	again, newErr := http.NewRequestWithContext(t.Context(), r.Method, "http://"+r.Host+r.URL.String(),
		bytes.NewReader(body))
	if err := errors.Join(err, timeErr, newErr); err != nil {
		t.Error(err)
		return ""
	}
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), session, again, hex.EncodeToString(hash[:]), "ec2", "eu-west-1",
		at); err != nil {
		t.Error(err)
	}
	return again.Header.Get("Authorization")
}

// ec2 answers a count of network interfaces by the token of the page.
func ec2(t *testing.T, pages map[string]string) network {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := signed(t, r); r.Header.Get("Authorization") != want ||
			r.PostFormValue("Action") != "DescribeNetworkInterfaces" || r.PostFormValue("MaxResults") != "1000" ||
			r.PostFormValue("IncludeManagedResources") != "true" {
			t.Errorf("it asks %v with %v, want %s", r.PostForm, r.Header, want)
		}
		text := pages[r.PostFormValue("NextToken")]
		if strings.Contains(text, "<Error>") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return network{aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return session, nil
		})}}
}

func TestNetworkInterfacesAreCountedOverAllPages(t *testing.T) {
	const begin = `<?xml version="1.0"?>
		<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`
	const end = `</DescribeNetworkInterfacesResponse>`
	count, err := ec2(t, map[string]string{
		"": begin + `<networkInterfaceSet><item><groupSet><item/></groupSet></item><item/></networkInterfaceSet>
			<nextToken>a=</nextToken>` + end,
		"a=": begin + `<networkInterfaceSet><item/></networkInterfaceSet>` + end,
	}).CountInterfaces(t.Context())
	if count != 3 || err != nil {
		t.Errorf("it counts %d: %v", count, err)
	}
}

func TestARefusalToCountNetworkInterfacesSaysWhy(t *testing.T) {
	for answer, want := range map[string]string{
		`<Response><Errors><Error><Code>Unauthorized</Code><Message>not you</Message></Error></Errors></Response>`: "" +
			"Unauthorized: not you",
		`<Error>`: "403 Forbidden",
		`<Response><Error/><Error></Error></Response>`: "403 Forbidden",
		`not XML<`: "read EC2's answer: ",
	} {
		count, err := ec2(t, map[string]string{"": answer}).CountInterfaces(t.Context())
		if count != 0 || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: it counts %d: %v", answer, count, err)
		}
	}
}
