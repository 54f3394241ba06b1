package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// artifactConfig is one build, which is deployed as the same bytes to every stack. A stack whose file has an artifact
// builds nothing.
type artifactConfig struct {
	Version  string            `json:"version"` // that the API reports
	Image    string            `json:"image"`   // in ECR, by its digest
	Function *artifactFunction `json:"function"`
	// Untested is the digest of an image that a protected stack takes although staging has not run it. The exception
	// names the digest, so it ends with the next image.
	Untested string `json:"untested,omitempty"`
	// Copied says that the image is in the region of artifacts.replicateTo, and not in the region of the artifacts.
	Copied bool `json:"copied,omitempty"`
}

// artifactFunction is the function's archive in the artifacts' bucket.
type artifactFunction struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"` // of the archive, in hex
}

// testedIn is the stack that must have run an artifact before a protected stack takes it.
const testedIn = "staging"

var (
	ecrImagePattern = regexp.MustCompile(
		`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([a-z][a-z0-9-]*)@(sha256:[0-9a-f]{64})$`)
	releasePattern = regexp.MustCompile(`^(v|src-)[A-Za-z0-9_.-]{1,100}$`)
	sha256Pattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// functionKey is the object's key of a function's archive. It has the hash, so another archive is another object.
func functionKey(sha256 string) string { return "functions/" + sha256 + ".zip" }

func (a artifactConfig) validate(f *findings, region string) {
	f.require(releasePattern.MatchString(a.Version), "artifact.version",
		"must start with v or src-, as the repository's lifecycle knows no others, is %q", a.Version)
	parts := ecrImagePattern.FindStringSubmatch(a.Image)
	f.require(parts != nil, "artifact.image",
		"must be ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST: a tag could be another image tomorrow, is %q",
		a.Image)
	if parts != nil {
		f.require(parts[2] == region, "artifact.image", "is in %s, and Lambda takes its code from the stack's region, %s",
			parts[2], region)
		f.require(a.Untested == "" || a.Untested == parts[4], "artifact.untested",
			"must be the digest of artifact.image, or be left out, is %q", a.Untested)
	}
	if a.Function == nil {
		return // a missing artifact is reported elsewhere
	}
	f.require(sha256Pattern.MatchString(a.Function.SHA256), "artifact.function.sha256",
		"must be 64 hexadecimal digits, is %q", a.Function.SHA256)
	f.require(a.Function.Key == functionKey(a.Function.SHA256), "artifact.function.key",
		"must be %s, which is never overwritten by other code, is %q", functionKey(a.Function.SHA256), a.Function.Key)
}

// digest is the image's.
func (a artifactConfig) digest() string { return ecrImagePattern.FindStringSubmatch(a.Image)[4] }

// repositoryURL is the image without its digest.
func (a artifactConfig) repositoryURL() string { return strings.TrimSuffix(a.Image, "@"+a.digest()) }

// repositoryARN is the repository that tasks need the right to pull from.
func (a artifactConfig) repositoryARN() string {
	parts := ecrImagePattern.FindStringSubmatch(a.Image)
	return fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", parts[2], parts[1], parts[3])
}

// bucket holds the function's archive. The stack of the artifacts names the bucket and the repository after itself.
func (a artifactConfig) bucket() string {
	parts := ecrImagePattern.FindStringSubmatch(a.Image)
	if a.Copied {
		return bucketName(parts[3], copiedReleases(parts[2]), parts[1])
	}
	return artifactsBucket(parts[3], parts[1])
}

func artifactsBucket(name, account string) string { return bucketName(name, releasesPurpose, account) }

// bucketName is the name that newBucket gives a bucket.
func bucketName(name, purpose, account string) string { return name + "-" + purpose + "-" + account }

// codeSHA256 is the archive's hash as Lambda writes it, so that a refresh finds code that somebody else deployed.
func (a artifactConfig) codeSHA256() string {
	raw, err := hex.DecodeString(a.Function.SHA256)
	if err != nil {
		panic(fmt.Sprintf("decode validated hash: %v", err)) // cannot happen: validate has checked it
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// build is what a stack runs: an artifact, or what this machine has built.
type build struct {
	Version  string
	Zip      string          // path of the function's archive; "" with an artifact
	Artifact *artifactConfig // nil where the stack builds
}

// code says what a function runs. All functions are one archive: what a function is, its handler says.
func (b build) code(settings *lambda.FunctionArgs) {
	if a := b.Artifact; a != nil {
		settings.S3Bucket, settings.S3Key = pulumi.String(a.bucket()), pulumi.String(a.Function.Key)
		settings.SourceCodeHash = pulumi.String(a.codeSHA256())
	} else {
		settings.Code = pulumi.NewFileArchive(b.Zip)
	}
}

// build decides what the stack runs. A protected stack takes only an artifact that staging has run, or one whose digest
// is named as untested.
func (p *program) build(root string, c config) (build, error) {
	if a := c.Artifact; a != nil {
		if c.Protect && a.Untested == "" {
			if err := p.Tested(*a); err != nil {
				return build{}, fmt.Errorf("artifact.image: %w; to deploy it nevertheless, "+
					"pulumi config set --path artifact.untested %s", err, a.digest())
			}
		}
		return build{Version: a.Version, Artifact: a}, nil
	}
	tag, err := p.Tag(root)
	if err != nil {
		return build{}, err
	}
	zip, err := p.Function(root)
	return build{Version: tag, Zip: zip}, err
}
