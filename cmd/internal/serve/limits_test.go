package serve

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestATokenForTheCacheIsASignedRequestToConnectWithoutItsScheme(t *testing.T) {
	token := cacheToken(aws.Config{Region: "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("KEY", "SECRET", "SESSION")}, "shop-limits", "tasks")
	user, password, err := token(t.Context())
	if err != nil || user != "tasks" || !strings.HasPrefix(password, "shop-limits/?") ||
		strings.Contains(password, "SECRET") {
		t.Fatalf("user %s, password %s, %v", user, password, err)
	}
	u, err := url.Parse("http://" + password)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"Action": "connect", "User": "tasks", "ResourceType": "ServerlessCache", "X-Amz-Expires": "900",
		"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Security-Token": "SESSION", "X-Amz-SignedHeaders": "host",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if scope := q.Get("X-Amz-Credential"); !strings.HasSuffix(scope, "/eu-west-1/elasticache/aws4_request") {
		t.Errorf("it is signed for %s", scope)
	}
	if q.Get("X-Amz-Signature") == "" {
		t.Error("it is not signed")
	}
}
