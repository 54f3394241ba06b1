// Package dotenv reads variables that only this machine should know from a file.
package dotenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// File is where a developer keeps them, like the key of a test account. Git ignores it.
const File = ".env"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Read sets the variables of a file of lines NAME=VALUE, but for those that are set already. A value is the rest
// of the line, without the quotes around it. No file is an empty one. No error shows a value.
func Read(path string, lookup func(string) (string, bool), set func(name, value string) error) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, assigns := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !assigns || !variableName.MatchString(name) {
			return fmt.Errorf("%s, line %d: must be NAME=VALUE, or a comment behind #", path, i+1)
		}
		if quote := value[:min(1, len(value))]; quote == `"` || quote == "'" {
			if len(value) < 2 || !strings.HasSuffix(value, quote) {
				return fmt.Errorf("%s, line %d: %s has a quote without another at its end", path, i+1, name)
			}
			value = value[1 : len(value)-1]
		}
		if _, isSet := lookup(name); isSet {
			continue
		}
		if err := set(name, value); err != nil {
			return fmt.Errorf("%s, line %d: set %s: %w", path, i+1, name, err)
		}
	}
	return nil
}
