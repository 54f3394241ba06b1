package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// imageTag decides the tag of the API's image. IMAGE_TAG wins. Without it the tag is a hash of the build context's
// files, as git knows them: the same sources have the same tag on every machine, uncommitted changes have a tag of
// their own, and a commit that changes no file of the image (README, stack/, docs/) makes no new image. A commit's hash
// would do none of this.
func imageTag(root, wanted string) (string, error) {
	if wanted != "" {
		if !tagPattern.MatchString(wanted) {
			return "", fmt.Errorf("IMAGE_TAG: %q is not an image tag", wanted)
		}
		return wanted, nil
	}
	files, err := buildContext(root)
	if err != nil {
		return "", fmt.Errorf("decide image tag (or set IMAGE_TAG): %w", err)
	}
	hash := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("read build context: %w", err)
		}
		info, err := os.Stat(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("read build context: %w", err)
		}
		// The mode too: the Docker provider compares it, and would push another image under the same, immutable tag.
		fmt.Fprintf(hash, "%s %s %d\n", file, info.Mode(), len(content))
		hash.Write(content)
	}
	return fmt.Sprintf("src-%x", hash.Sum(nil)[:6]), nil
}

// buildContext lists the files that Docker would send, and the two that control this: files that git tracks or would
// track, without those that .dockerignore names.
func buildContext(root string) ([]string, error) {
	rules, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return nil, fmt.Errorf("read build context's rules: %w", err)
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(rules))
	if err != nil {
		return nil, fmt.Errorf("read lines of .dockerignore: %w", err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("parse .dockerignore: %w", err)
	}

	var stderr bytes.Buffer
	git := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir, git.Stderr = root, &stderr
	listed, err := git.Output()
	if err != nil {
		return nil, fmt.Errorf("list files with git: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var files []string
	for _, file := range strings.Split(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		// Git still lists a file whose deletion is not committed.
		if info, err := os.Stat(filepath.Join(root, file)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		skip, err := ignored.MatchesOrParentMatches(file)
		if err != nil {
			return nil, fmt.Errorf("match %s with .dockerignore: %w", file, err)
		}
		if !skip || file == ".dockerignore" || file == "api/Dockerfile" {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}
