// Package objects has the places where an archive can lie: a directory, and a bucket of S3 or of what speaks its
// protocol.
package objects

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"event-processing-service/archive"
)

// Place is where an archive is written and read.
type Place interface {
	archive.Objects
	archive.Source
}

// Open makes the place that a URL names: file:///DIRECTORY or s3://BUCKET[/PREFIX]. AWS's configuration is loaded only
// for the latter.
func Open(place string, configuration func() (aws.Config, error)) (Place, error) {
	u, err := url.Parse(place)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		path := u.Path
		if filepath.VolumeName(path[1:]) != "" { // file:///C:/archive
			path = path[1:]
		}
		return NewDirectory(filepath.FromSlash(path)), nil
	case u.Scheme == "s3" && u.Host != "":
		cfg, err := configuration()
		if err != nil {
			return nil, err
		}
		return NewBucket(cfg, u.Host, strings.Trim(u.Path, "/")), nil
	}
	return nil, fmt.Errorf("archive %q: must be file:///DIRECTORY or s3://BUCKET[/PREFIX]", place)
}
