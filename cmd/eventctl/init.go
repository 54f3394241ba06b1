package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// template is the module and the name of a fresh clone. It is put together, so that init does not rename it.
const template = "event-processing" + "-service"

func initCommand() *cobra.Command {
	var name, root string
	var force bool
	cmd := &cobra.Command{
		Use:   "init MODULE --name NAME",
		Short: "Make a fresh clone your own: its Go module, and the name of all that it makes",
		Long: `Make a fresh clone your own: its Go module, and the name of all that it makes.

The name is that of the Pulumi project, the images, the resources in AWS and their log groups, the consumer group, the
sources of events, and the documents. Do it before the first deployment: to Pulumi, another name is another project.`,
		Example: "  eventctl init github.com/acme/shop-events --name shop-events",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !force && !isCommitted(root) {
				return errors.New("there are changes that are not committed, which could not be told from init's own; " +
					"commit them, or pass --force")
			}
			n, err := rename(root, args[0], name)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d files are changed. Next: go build ./... && go test ./...\n", n)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the service, like shop-events (required)")
	cmd.Flags().StringVar(&root, "root", ".", "folder of the clone")
	cmd.Flags().BoolVar(&force, "force", false, "change files even where others are not committed")
	return cmd
}

// isCommitted tells whether git knows of no change. A folder without git has no changes to mix up.
func isCommitted(root string) bool {
	out, err := exec.Command("git", "-C", root, "status", "--porcelain").Output()
	return err != nil || len(out) == 0
}

var (
	modulePath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*$`)
	// serviceName is what every AWS service takes, with -stg behind it in 28 characters. Load balancers take no name that
	// begins with internal-, buckets none that begins with sthree- or xn--.
	serviceName  = regexp.MustCompile(`^[a-z](-?[a-z0-9])+$`)
	refusedStart = []string{"internal-", "sthree-", "xn-"}
)

const maxServiceName = 24

// rename returns how many files it changed.
func rename(root, module, name string) (changed int, err error) {
	refused := slices.ContainsFunc(refusedStart, func(start string) bool { return strings.HasPrefix(name, start) })
	switch now, err := moduleOf(root); {
	case err != nil:
		return 0, err
	case now != template:
		return 0, fmt.Errorf("this clone is renamed already: its module is %s", now)
	case !modulePath.MatchString(module) || strings.Contains(module, "..") || strings.Contains(module, template):
		return 0, fmt.Errorf("%w: MODULE must be a Go module's path, like github.com/acme/shop-events, not %q",
			errUsage, module)
	case !serviceName.MatchString(name) || len(name) > maxServiceName || refused || strings.Contains(name, template):
		return 0, fmt.Errorf("%w: --name must be 2 to %d of a-z, 0-9 and single - between them, begin with a letter "+
			"and not with %s, not %q", errUsage, maxServiceName, strings.Join(refusedStart, " or "), name)
	}
	r, err := newRenamer(root, module, name)
	if err != nil {
		return 0, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "dist", "node_modules"}, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		is, err := r.file(path)
		if is {
			changed++
		}
		return err
	})
	return changed, err
}

type renamer struct {
	module, name string
	path         *regexp.Regexp // of a package of the module
}

func newRenamer(root, module, name string) (*renamer, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("list the clone's folders: %w", err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			folders = append(folders, regexp.QuoteMeta(e.Name()))
		}
	}
	// A slash before it makes it the path of something else, such as the source of an event; a dash behind it, a name,
	// such as that of a secret.
	path, err := regexp.Compile(`(^|[^/\w.-])` + template + `/((?:` + strings.Join(folders, "|") + `)(?:$|[^\w-])|")`)
	return &renamer{module, name, path}, err
}

// file renames what stands in a file of text, and tells whether anything does.
func (r *renamer) file(path string) (changed bool, err error) {
	text, err := os.ReadFile(path)
	old, name := strings.ReplaceAll(template, "-", "_"), strings.ReplaceAll(r.name, "-", "_") // in names of databases
	if err != nil || bytes.IndexByte(text, 0) >= 0 ||
		!bytes.Contains(text, []byte(template)) && !bytes.Contains(text, []byte(old)) {
		return false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	updated := r.path.ReplaceAllString(string(text), "${1}"+r.module+"/${2}")
	switch filepath.Base(path) {
	case "go.mod":
		updated = moduleLine.ReplaceAllLiteralString(updated, "module "+r.module)
	case ".golangci.yaml": // its rules are on the module as a whole
		updated = strings.ReplaceAll(updated, template, r.module)
	}
	updated = strings.NewReplacer(template, r.name, old, name).Replace(updated)
	if filepath.Ext(path) == ".go" { // imports are sorted by their paths
		source, err := format.Source([]byte(updated))
		if err != nil {
			return false, fmt.Errorf("format %s: %w", path, err)
		}
		updated = string(source)
	}
	return true, os.WriteFile(path, []byte(updated), info.Mode().Perm())
}
