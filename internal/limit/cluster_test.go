package limit

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// clusterURL is the cluster that .ci/limits starts: three nodes, TLS, a user who may do what the stack's may.
func clusterURL(t *testing.T) string {
	t.Helper()
	url := os.Getenv("REDIS_CLUSTER_URL")
	if url == "" {
		t.Skip("needs a cluster of Valkey or Redis with TLS: set REDIS_CLUSTER_URL, as .ci/limits does")
	}
	return url
}

func TestProcessesShareLimitsInAClusterWithTLS(t *testing.T) {
	url, rate := clusterURL(t), Rate{Units: 100, Per: time.Hour}
	one, other := redisAt(t, url), redisAt(t, url)
	if _, is := one.client.(*redis.ClusterClient); !is {
		t.Fatalf("the store is spoken to as a %T", one.client)
	}
	if err := one.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodes := map[string]bool{} // clients are spread over all of them
	for i := range 30 {
		client := fmt.Sprintf("cluster %d %d", i, time.Now().UnixNano())
		for _, process := range []*Redis{one, other, one, other} {
			if d, err := process.Take(context.Background(), client, rate, 25); err != nil || !d.Allowed {
				t.Fatalf("%s: %+v, %v", client, d, err)
			}
		}
		if d, err := other.Take(context.Background(), client, rate, 1); err != nil || d.Allowed {
			t.Errorf("%s gets more than its limit: %+v, %v", client, d, err)
		}
		node, err := one.client.(*redis.ClusterClient).MasterForKey(t.Context(), "rate-limit:2:"+client)
		if err != nil {
			t.Fatal(err)
		}
		nodes[node.Options().Addr] = true
	}
	if len(nodes) != 3 {
		t.Errorf("30 clients are on %d nodes of 3", len(nodes))
	}
}

// The user of the stack may use the limits, and nothing that is not theirs.
func TestTheLimitsUserMayDoNothingElse(t *testing.T) {
	r := redisAt(t, clusterURL(t))
	for _, command := range [][]any{{"SET", "other", "1"}, {"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "GET", "*"}} {
		if err := r.client.Do(t.Context(), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%v: %v", command, err)
		}
	}
}

func TestAConnectionTakesItsCredentialsAsTheyAreThen(t *testing.T) {
	a, err := ReadAddress(clusterURL(t))
	if err != nil {
		t.Fatal(err)
	}
	asked, password := 0, "wrong"
	r, err := newRedis(a, func(context.Context) (string, string, error) {
		asked++
		return a.User, password, nil
	}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rate := Rate{Units: 10, Per: time.Second}
	if _, err := r.Take(t.Context(), "credentials", rate, 1); err == nil {
		t.Error("a wrong password opens a connection")
	}
	for r.warming.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	password = os.Getenv("REDIS_CLUSTER_PASSWORD")
	if d, err := r.Take(t.Context(), "credentials", rate, 1); err != nil || !d.Allowed || asked < 2 {
		t.Errorf("the next one: %+v, %v, after %d questions", d, err, asked)
	}
}

func TestTheAddressOfAStoreSaysHowItIsSpokenTo(t *testing.T) {
	for text, want := range map[string]Address{
		"valkeys://limits@h:6379?cluster=true&iam=shop": {"rediss://limits@h:6379", true, "shop", "limits"},
		"rediss://:p@h:6379/1?pool_size=5":              {"rediss://:p@h:6379/1?pool_size=5", false, "", ""},
	} {
		if got, err := ReadAddress(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"rediss://h?cluster=yes":         "cluster must be true or false",
		"redis://limits@h?iam=shop":      "iam needs TLS and a user",
		"rediss://h?iam=shop":            "iam needs TLS and a user",
		"rediss://u:secret\x7f@h?iam=no": "can't be read",
	} {
		if _, err := ReadAddress(text); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
