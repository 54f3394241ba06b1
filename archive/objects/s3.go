package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"event-processing-service/archive"
)

// Bucket keeps objects in S3. Several processes may write to one.
type Bucket struct {
	client *s3.Client
	bucket string
	prefix string // "" or with a slash at its end
}

// NewBucket makes a Bucket. Nothing connects before its first use. All names begin with the prefix.
func NewBucket(cfg aws.Config, bucket, prefix string) *Bucket {
	if prefix != "" {
		prefix += "/"
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		// An endpoint that is not Amazon's (AWS_ENDPOINT_URL_S3) seldom has a name for each bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return &Bucket{client, bucket, prefix}
}

// Create makes the bucket where it is missing, and tells whether it was: for machines whose stack does not.
func (b *Bucket) Create(ctx context.Context) (created bool, err error) {
	_, err = b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.bucket})
	var missing *types.NotFound
	if !errors.As(err, &missing) {
		if err != nil {
			err = fmt.Errorf("look for bucket %s: %w", b.bucket, err)
		}
		return false, err
	}
	in := &s3.CreateBucketInput{Bucket: &b.bucket}
	if region := b.client.Options().Region; region != "us-east-1" { // which alone must not be named
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err = b.client.CreateBucket(ctx, in)
	var faster *types.BucketAlreadyOwnedByYou // another set-up, at the same moment
	if err != nil && !errors.As(err, &faster) {
		return false, fmt.Errorf("create bucket %s: %w", b.bucket, err)
	}
	return err == nil, nil
}

// putTimeout bounds a put. The largest object has some megabytes when compressed.
const putTimeout = time.Minute

// Put writes an object on the condition that there is none of that name. The SDK sends a checksum, which S3 compares
// with what it got.
func (b *Bucket) Put(ctx context.Context, name string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.bucket, Key: aws.String(b.prefix + name), Body: bytes.NewReader(body),
		IfNoneMatch: aws.String("*"), ContentType: aws.String("application/zstd"),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	var answer *smithyhttp.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusPreconditionFailed:
		return fmt.Errorf("object %s: %w", name, archive.ErrExists)
	}
	return fmt.Errorf("write object %s to bucket %s: %w", name, b.bucket, err)
}

// Get opens the object.
func (b *Bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(b.prefix + name)})
	if err != nil {
		return nil, fmt.Errorf("read object %s of bucket %s: %w", name, b.bucket, err)
	}
	return out.Body, nil
}

// List lists the bucket, a thousand names at a time.
func (b *Bucket) List(ctx context.Context, prefix, from string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: aws.String(b.prefix + prefix)}
		if from != "" {
			in.StartAfter = aws.String(b.prefix + from) // no object has from as its name: it ends at a date
		}
		for pages := s3.NewListObjectsV2Paginator(b.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list bucket %s: %w", b.bucket, err))
				return
			}
			for _, object := range page.Contents {
				if !yield(strings.TrimPrefix(aws.ToString(object.Key), b.prefix), nil) {
					return
				}
			}
		}
	}
}
