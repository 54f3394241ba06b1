package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
)

func configuration(t *testing.T, endpoint string) func() (aws.Config, error) {
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": endpoint, "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret",
	} {
		t.Setenv(name, value)
	}
	return func() (aws.Config, error) { return config.LoadDefaultConfig(t.Context()) }
}

func open(t *testing.T, url string, cfg func() (aws.Config, error)) objects.Place {
	t.Helper()
	place, err := objects.Open(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// onEachPlace runs a test on a directory and, where S3_ENDPOINT names a server, on a new bucket of it.
func onEachPlace(t *testing.T, test func(*testing.T, objects.Place)) {
	t.Run("directory", func(t *testing.T) {
		test(t, open(t, "file://"+filepath.ToSlash(filepath.Join(t.TempDir(), "a b", "c")), nil))
	})
	t.Run("bucket", func(t *testing.T) {
		endpoint := os.Getenv("S3_ENDPOINT")
		if endpoint == "" {
			t.Skip("needs a server in S3_ENDPOINT, with the keys test and testsecret")
		}
		place := open(t, fmt.Sprintf("s3://it-%d/some/where", time.Now().UnixNano()), configuration(t, endpoint))
		for _, missing := range []bool{true, false} {
			if created, err := place.(*objects.Bucket).Create(t.Context()); err != nil || created != missing {
				t.Fatalf("where it is missing is %v, the bucket is created is %v: %v", missing, created, err)
			}
		}
		test(t, place)
	})
}

func get(t *testing.T, p objects.Place, name string) string {
	t.Helper()
	r, err := p.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func list(t *testing.T, p objects.Place, prefix, from string) (names []string) {
	t.Helper()
	for name, err := range p.List(t.Context(), prefix, from) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestAnObjectIsWrittenOnce(t *testing.T) {
	onEachPlace(t, func(t *testing.T, p objects.Place) {
		if names := list(t, p, "", ""); names != nil {
			t.Errorf("an empty place lists %q", names)
		}
		if err := p.Put(t.Context(), "archive/v1/a", []byte("first")); err != nil {
			t.Fatal(err)
		}
		if err := p.Put(t.Context(), "archive/v1/a", []byte("second")); !errors.Is(err, archive.ErrExists) {
			t.Errorf("a second one is told %v", err)
		}
		if got := get(t, p, "archive/v1/a"); got != "first" {
			t.Errorf("it holds %q", got)
		}
		if r, err := p.Get(t.Context(), "archive/v1/b"); err == nil {
			r.Close()
			t.Error("an object that nobody wrote can be read")
		}
	})
}

func TestOfManyWritersOfOneObjectOneWins(t *testing.T) {
	onEachPlace(t, func(t *testing.T, p objects.Place) {
		var won atomic.Int32
		var writers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				switch err := p.Put(t.Context(), "archive/v1/a", []byte(strings.Repeat(fmt.Sprint(i), 100_000))); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, archive.ErrExists):
					t.Error(err)
				}
			})
		}
		writers.Wait()
		if got := get(t, p, "archive/v1/a"); won.Load() != 1 || got != strings.Repeat(got[:1], 100_000) {
			t.Errorf("%d have won, and it has %d bytes", won.Load(), len(got))
		}
		if names := list(t, p, "", ""); len(names) != 1 {
			t.Errorf("there are %q", names)
		}
	})
}

func TestNamesAreListedInTheirOrderFromOneOn(t *testing.T) {
	onEachPlace(t, func(t *testing.T, p objects.Place) {
		all := []string{
			"archive/v1/topic=t/date=2026-01-01/x", "archive/v1/topic=t/date=2026-01-02/x",
			"archive/v1/topic=t/date=2026-01-02/y", "archive/v1/topic=t/date=mixed/x", "archive/v2/x",
		}
		for _, name := range slices.Backward(all) {
			if err := p.Put(t.Context(), name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			prefix, from string
			want         []string
		}{
			{"archive/", "", all}, {"archive/v1/", "", all[:4]}, {"archive/", "archive/v10", all[4:]},
			{"archive/v1/topic=t/date=", "archive/v1/topic=t/date=2026-01-02", all[1:4]},
			{"archive/v1/topic=t/date=mixed/", "", all[3:4]}, {"archive/v1/topic=other/", "", nil},
		} {
			if got := list(t, p, c.prefix, c.from); !slices.Equal(got, c.want) {
				t.Errorf("below %s from %s there are %q", c.prefix, c.from, got)
			}
		}
	})
}

func TestWhatADeadProcessLeftBehindIsNotAnObject(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, ".partial-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names := list(t, objects.NewDirectory(root), "", ""); names != nil {
		t.Errorf("it lists %q", names)
	}
}

func TestADirectoryThatCannotBeWrittenSaysSo(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := objects.NewDirectory(root).Put(t.Context(), "archive/v1/a", []byte("x"))
	if err == nil || !strings.Contains(err.Error(), "write object archive/v1/a") || errors.Is(err, archive.ErrExists) {
		t.Errorf("it says %v", err)
	}
}

func TestWhatABucketAnswersIsToldInOneLine(t *testing.T) {
	for answer, code := range map[int]string{
		403: "AccessDenied", 404: "NoSuchBucket", 503: "SlowDown", 507: "InsufficientStorage",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && r.Header.Get("If-None-Match") != "*" {
				t.Error("a put is without condition")
			}
			if r.Method == http.MethodPut && r.Header.Get("X-Amz-Checksum-Crc32") == "" {
				t.Error("a put is without checksum")
			}
			w.WriteHeader(answer)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		}))
		defer server.Close()
		p := open(t, "s3://bucket", configuration(t, server.URL))
		err := p.Put(t.Context(), "archive/v1/a", []byte("x"))
		if err == nil || errors.Is(err, archive.ErrExists) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), "bucket bucket") {
			t.Errorf("a put that is answered %d says %v", answer, err)
		}
		for _, err := range p.List(t.Context(), "archive/", "") {
			if err == nil || !strings.Contains(err.Error(), code) {
				t.Errorf("a listing that is answered %d says %v", answer, err)
			}
		}
	}
}

func TestABucketIsCreatedInItsRegionUnlessItIsThere(t *testing.T) {
	for _, c := range []struct {
		region   string
		looked   int // what the bucket's place answers when it is looked at
		made     int // and when it is to be made
		location string
		created  bool
		says     string
	}{
		{"us-east-1", 200, 0, "", false, ""},
		{"us-east-1", 404, 200, "", true, ""},
		{"eu-west-1", 404, 200, "eu-west-1", true, ""},
		{"us-east-1", 404, 409, "", false, "create bucket bucket"},
		{"us-east-1", 403, 0, "", false, "look for bucket bucket"},
	} {
		made := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(c.looked)
				return
			}
			made++
			body, err := io.ReadAll(r.Body)
			if named := strings.Contains(string(body), "<LocationConstraint>"+c.location+"<"); err != nil ||
				named != (c.location != "") {
				t.Errorf("in %s it is created by %s: %v", c.region, body, err)
			}
			w.WriteHeader(c.made)
			if c.made != 200 {
				fmt.Fprint(w, "<Error><Code>BucketAlreadyExists</Code><Message>somebody else's</Message></Error>")
			}
		}))
		defer server.Close()
		cfg := configuration(t, server.URL)
		t.Setenv("AWS_REGION", c.region)
		created, err := open(t, "s3://bucket", cfg).(*objects.Bucket).Create(t.Context())
		if created != c.created || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("answered %d and %d: created is %v, and it says %v", c.looked, c.made, created, err)
		}
		if (made > 0) != (c.made > 0) {
			t.Errorf("answered %d it is created %d times", c.looked, made)
		}
	}
}

func TestABucketThatIsAwayOrSlowEndsWithItsContext(t *testing.T) {
	released := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	defer slow.Close()
	defer close(released)
	for what, url := range map[string]string{"slow": slow.URL, "away": "http://127.0.0.1:1"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		p := open(t, "s3://bucket", configuration(t, url))
		start := time.Now()
		if err := p.Put(ctx, "archive/v1/a", []byte("x")); err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("one that is %s says %v after %s", what, err, time.Since(start))
		}
		cancel()
	}
}

func TestAnArchivesURLThatIsNoneIsRefused(t *testing.T) {
	for _, url := range []string{"", "/tmp/a", "file://host/a", "file:a", "s3:///a", "s3:a", "gs://b", "://"} {
		if p, err := objects.Open(url, nil); err == nil {
			t.Errorf("%q opens %v", url, p)
		}
	}
}
