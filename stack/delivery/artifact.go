// Package delivery brings one artifact to one stack after the other: it deploys the artifact, watches and tests it, and
// records that it served. Where that fails it goes back to the artifact that ran before.
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// Artifact is one build, as stack/publish writes it down and as a stack's configuration has it.
type Artifact struct {
	Version  string   `json:"version"`
	Image    string   `json:"image"` // repository@sha256:…
	Function Function `json:"function"`
}

// Function is the function's archive in the artifacts' bucket.
type Function struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// Objects is the part of S3 that reads and writes objects.
type Objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Records are the records in the artifacts' bucket of releases, and of which artifact served where. Only the deployer
// of a stack may record what served there.
type Records struct {
	S3     Objects
	Bucket string
}

// ErrNone says that there is no such record.
var ErrNone = errors.New("is not noted")

// Release is the artifact of a version.
func (r Records) Release(ctx context.Context, version string) (Artifact, error) {
	return r.read(ctx, "releases/"+version+".json")
}

// RequireServed returns an error unless exactly this artifact has served in a stack.
func (r Records) RequireServed(ctx context.Context, stack string, a Artifact) error {
	served, err := r.read(ctx, servedKey(stack, a.Version))
	switch {
	case errors.Is(err, ErrNone):
		return fmt.Errorf("%s has not run %s", stack, a.Version)
	case err != nil:
		return err
	case served != a:
		return fmt.Errorf("%s has run another build as %s: %s with %s", stack, a.Version, served.Image, served.Function.Key)
	}
	return nil
}

// NoteServed records that an artifact serves in a stack and has passed its tests there. The first record is kept, as
// History sorts by its time, which is when the artifact came.
func (r Records) NoteServed(ctx context.Context, stack string, a Artifact) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	_, err = r.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &r.Bucket, Key: aws.String(servedKey(stack, a.Version)),
		Body: strings.NewReader(string(text)), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*")})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed" {
		return r.RequireServed(ctx, stack, a)
	}
	if err != nil {
		return fmt.Errorf("note that %s serves in %s: %w", a.Version, stack, err)
	}
	return nil
}

// History returns the artifacts that served in a stack, the newest first.
func (r Records) History(ctx context.Context, stack string) (all []Artifact, err error) {
	var notes []types.Object
	pages := s3.NewListObjectsV2Paginator(r.S3, &s3.ListObjectsV2Input{Bucket: &r.Bucket,
		Prefix: aws.String(servedKey(stack, ""))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list what served in %s: %w", stack, err)
		}
		notes = append(notes, page.Contents...)
	}
	slices.SortFunc(notes, func(a, b types.Object) int { return noted(b).Compare(noted(a)) })
	for _, note := range notes {
		a, err := r.read(ctx, *note.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func noted(o types.Object) time.Time { return aws.ToTime(o.LastModified) }

func servedKey(stack, version string) string {
	key := "served/" + stack + "/"
	if version != "" {
		key += version + ".json"
	}
	return key
}

func (r Records) read(ctx context.Context, key string) (a Artifact, err error) {
	object, err := r.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.Bucket, Key: &key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return a, fmt.Errorf("%s %w in %s", key, ErrNone, r.Bucket)
	}
	if err != nil {
		return a, fmt.Errorf("read %s of %s: %w", key, r.Bucket, err)
	}
	defer object.Body.Close()
	text, err := io.ReadAll(io.LimitReader(object.Body, 1<<16))
	if err != nil {
		return a, fmt.Errorf("read %s of %s: %w", key, r.Bucket, err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("read %s of %s: %w", key, r.Bucket, err)
	}
	return a, nil
}
