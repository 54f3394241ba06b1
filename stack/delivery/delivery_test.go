package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// bucket is an S3 bucket in memory whose clock ticks once an object. It lists two objects a page.
type bucket struct {
	keys    []string
	objects map[string]string
	broken  error
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput,
	error) {
	text, there := b.objects[*in.Key]
	if !there {
		return nil, &types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(text))}, b.broken
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput,
	error) {
	if _, there := b.objects[*in.Key]; there && aws.ToString(in.IfNoneMatch) == "*" {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	text, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.keys, b.objects[*in.Key] = append(b.keys, *in.Key), string(text)
	return &s3.PutObjectOutput{}, b.broken
}

func (b *bucket) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (
	*s3.ListObjectsV2Output, error) {
	all := slices.Sorted(slices.Values(b.keys))
	out := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
	for _, key := range all {
		if !strings.HasPrefix(key, *in.Prefix) || key <= aws.ToString(in.ContinuationToken) {
			continue
		}
		if len(out.Contents) == 2 {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), out.Contents[1].Key
			break
		}
		at := time.Unix(int64(slices.Index(b.keys, key)), 0)
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), LastModified: &at})
	}
	return out, b.broken
}

// world is stacks on a fake engine. What is in bad does not pass the smoke test, what is in stuck does not roll out.
type world struct {
	running    map[string]*Artifact
	bad, stuck []string
	unsigned   []string
	restless   []string // an alarm goes off while it is watched
	did        []string
	records    *bucket
	out        bytes.Buffer
}

func newWorld() *world {
	return &world{running: map[string]*Artifact{}, records: &bucket{objects: map[string]string{}}}
}

func (w *world) Running(_ context.Context, stack string) (*Artifact, error) {
	return w.running[stack], nil
}

func (w *world) Deploy(_ context.Context, stack string, a Artifact) error {
	w.did = append(w.did, "deploy "+a.Version)
	w.running[stack] = &a
	return nil
}

func (w *world) delivery() Delivery {
	return Delivery{Engine: w, Records: Records{S3: w.records, Bucket: "b"}, Out: &w.out,
		Verify: func(_ context.Context, a Artifact) error {
			if slices.Contains(w.unsigned, a.Version) {
				return errors.New(a.Version + " is not signed")
			}
			return nil
		},
		Soak: func(_ context.Context, stack string) error {
			w.did = append(w.did, "soak")
			if version := w.running[stack].Version; slices.Contains(w.restless, version) {
				return errors.New(version + " has an alarm")
			}
			return nil
		},
		RollOut: func(_ context.Context, stack string, gradually bool) error {
			w.did = append(w.did, fmt.Sprintf("roll out gradually=%v", gradually))
			if version := w.running[stack].Version; slices.Contains(w.stuck, version) {
				return errors.New(version + " is stuck")
			}
			return nil
		},
		Smoke: func(_ context.Context, stack string) error {
			w.did = append(w.did, "smoke")
			if version := w.running[stack].Version; slices.Contains(w.bad, version) {
				return errors.New(version + " loses events")
			}
			return nil
		}}
}

func artifact(version string) Artifact {
	return Artifact{Version: version, Image: "repository@sha256:" + version, Function: Function{Key: version + ".zip"}}
}

// deliver delivers versions to a stack, one after the other, and returns the last one's error.
func (w *world) deliver(t *testing.T, stack string, versions ...string) (err error) {
	t.Helper()
	for _, version := range versions {
		err = w.delivery().Deliver(t.Context(), stack, artifact(version))
	}
	return err
}

func TestAnArtifactThatServesIsNotedAsServed(t *testing.T) {
	w := newWorld()
	if err := w.deliver(t, "staging", "v1"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"deploy v1", "roll out gradually=true", "smoke", "soak"}, w.did); diff != "" {
		t.Error(diff)
	}
	records := w.delivery().Records
	if err := records.RequireServed(t.Context(), "staging", artifact("v1")); err != nil {
		t.Error(err)
	}
	if err := records.RequireServed(t.Context(), "prod", artifact("v1")); err == nil ||
		!strings.Contains(err.Error(), "prod has not run v1") {
		t.Error(err)
	}
	other := artifact("v1")
	other.Image = "repository@sha256:other"
	if err := records.RequireServed(t.Context(), "staging", other); err == nil ||
		!strings.Contains(err.Error(), "another build as v1") {
		t.Error(err)
	}
}

func TestAnArtifactThatFailsLeadsBackToTheOneBeforeAndIsNotNoted(t *testing.T) {
	for what, broken := range map[string]*world{
		"smoke": {bad: []string{"v2"}}, "roll-out": {stuck: []string{"v2"}}, "soak": {restless: []string{"v2"}},
	} {
		w := newWorld()
		w.bad, w.stuck, w.restless = broken.bad, broken.stuck, broken.restless
		err := w.deliver(t, "staging", "v1", "v2")
		if err == nil || !strings.Contains(err.Error(), "is back on v1") || w.running["staging"].Version != "v1" {
			t.Errorf("%s: runs %s: %v", what, w.running["staging"].Version, err)
		}
		if err := w.delivery().Records.RequireServed(t.Context(), "staging", artifact("v2")); err == nil {
			t.Errorf("%s: v2 is noted as served", what)
		}
		if i := slices.Index(w.did, "deploy v2"); !slices.Contains(w.did[i:], "roll out gradually=false") ||
			w.did[len(w.did)-1] == "soak" {
			t.Errorf("%s: the way back has a canary or is watched: %v", what, w.did)
		}
	}
}

func TestAnArtifactThatIsNotSignedIsNotDeployed(t *testing.T) {
	w := newWorld()
	w.unsigned = []string{"v2"}
	err := w.deliver(t, "staging", "v1", "v2")
	if err == nil || !strings.Contains(err.Error(), "v2 is not signed") || slices.Contains(w.did, "deploy v2") {
		t.Errorf("it did %v: %v", w.did, err)
	}
}

func TestAnArtifactThatFailsWithNothingBeforeItIsAnError(t *testing.T) {
	w := newWorld()
	w.bad = []string{"v1"}
	if err := w.deliver(t, "dev", "v1"); err == nil || !strings.Contains(err.Error(), "no artifact ran there before") {
		t.Error(err)
	}
	if err := w.deliver(t, "dev", "v1"); err == nil || !strings.Contains(err.Error(), "where it ran before") {
		t.Error(err)
	}
	w.bad = []string{"v1", "v2"}
	if err := w.deliver(t, "dev", "v2"); err == nil || !strings.Contains(err.Error(), "and neither does v1") ||
		!strings.Contains(err.Error(), "v2 loses events") {
		t.Error(err)
	}
}

func TestARollbackGoesToTheVersionBeforeOrToTheOneNamed(t *testing.T) {
	w := newWorld()
	if err := w.deliver(t, "prod", "v3", "v1", "v2"); err != nil { // in this order of time
		t.Fatal(err)
	}
	for _, step := range []struct{ to, want string }{{"", "v1"}, {"", "v3"}, {"v2", "v2"}, {"", "v1"}} {
		w.did = nil
		if err := w.delivery().Rollback(t.Context(), "prod", step.to); err != nil || w.running["prod"].Version != step.want {
			t.Errorf("rollback %q: runs %s, want %s: %v", step.to, w.running["prod"].Version, step.want, err)
		}
		if !slices.Contains(w.did, "roll out gradually=false") {
			t.Errorf("a rollback has a canary: %v", w.did)
		}
	}
	if !strings.Contains(w.out.String(), "What that does not undo") {
		t.Error("it does not say what it does not undo")
	}
}

func TestARollbackToWhatNeverServedIsRefused(t *testing.T) {
	w := newWorld()
	w.bad = []string{"v2"}
	_ = w.deliver(t, "prod", "v1", "v2")
	for _, to := range []string{"", "v2", "v9"} {
		w.did = nil
		if err := w.delivery().Rollback(t.Context(), "prod", to); err == nil || !strings.Contains(err.Error(), `["v1"]`) ||
			len(w.did) > 0 {
			t.Errorf("rollback %q did %v: %v", to, w.did, err)
		}
	}
}

func TestARollbackFromWhatNeverServedGoesToTheNewestThatDid(t *testing.T) {
	w := newWorld()
	_ = w.deliver(t, "prod", "v1", "v2")
	unknown := artifact("v3")
	w.running["prod"] = &unknown // deployed by hand, past the tests
	if err := w.delivery().Rollback(t.Context(), "prod", ""); err != nil || w.running["prod"].Version != "v2" {
		t.Errorf("runs %s: %v", w.running["prod"].Version, err)
	}
}

func TestWhatS3RefusesIsSaid(t *testing.T) {
	w := newWorld()
	w.records.broken = errors.New("access denied")
	if err := w.deliver(t, "dev", "v1"); !errors.Is(err, w.records.broken) {
		t.Error(err)
	}
	if _, err := w.delivery().Records.History(t.Context(), "dev"); !errors.Is(err, w.records.broken) {
		t.Error(err)
	}
	if _, err := w.delivery().Records.Release(t.Context(), "v1"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}
