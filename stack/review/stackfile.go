package review

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// StackConfig is a stack's configuration as the engine would pass it: every value a string, objects as JSON.
type StackConfig struct {
	Project string
	Values  map[string]string
	Secrets []string
	Assumed []string
}

// Encrypted takes the place of a secret, as nothing is decrypted offline. It has the form of apiKeys.
const Encrypted = `{"encrypted":"encrypted"}`

// ownersKeys are the settings that only the owner of a protected stack can make; offline they are filled in with these.
var ownersKeys = []struct{ object, key, placeholder string }{
	{"edge", "domain", "events.example.com"},
	{"edge", "hostedZoneId", "Z0123456789EXAMPLE"},
	{"", "apiKeys", Encrypted},
}

// ReadStack reads Pulumi.yaml and Pulumi.<stack>.yaml below root without the engine. It decrypts nothing: an Encrypted
// value becomes a placeholder that is still a secret. Settings that a protected stack must have and that its file lacks
// are assumed, and the plan says so.
func ReadStack(root, stack string) (StackConfig, error) {
	var project struct {
		Name   string
		Config map[string]struct{ Default any }
	}
	if err := readYAML(filepath.Join(root, "Pulumi.yaml"), &project); err != nil {
		return StackConfig{}, err
	}
	var file struct{ Config map[string]any }
	if err := readYAML(filepath.Join(root, "Pulumi."+stack+".yaml"), &file); err != nil {
		return StackConfig{}, err
	}
	if file.Config == nil {
		file.Config = map[string]any{}
	}
	for key, declared := range project.Config {
		full := project.Name + ":" + key
		if _, set := file.Config[full]; !set && declared.Default != nil {
			file.Config[full] = declared.Default
		}
	}

	c := StackConfig{Project: project.Name, Values: map[string]string{}}
	// `pulumi config set protect true` stores a string.
	artifacts, _ := file.Config[project.Name+":artifacts"].(map[string]any)
	account, _ := file.Config[project.Name+":account"].(map[string]any)
	if fmt.Sprint(file.Config[project.Name+":protect"]) == "true" && len(artifacts)+len(account) == 0 {
		c.assume(file.Config)
	}
	for key, value := range file.Config {
		switch v := value.(type) {
		case map[string]any:
			if _, secure := v["secure"]; secure {
				c.Values[key] = Encrypted
				c.Secrets = append(c.Secrets, key)
				continue
			}
			if hideEncrypted(v) { // the engine then treats the whole object as a secret
				c.Secrets = append(c.Secrets, key)
			}
			text, err := json.Marshal(v)
			if err != nil {
				return StackConfig{}, fmt.Errorf("read %s of stack %s: %w", key, stack, err)
			}
			c.Values[key] = string(text)
		case []any:
			text, err := json.Marshal(v)
			if err != nil {
				return StackConfig{}, fmt.Errorf("read %s of stack %s: %w", key, stack, err)
			}
			c.Values[key] = string(text)
		default:
			c.Values[key] = fmt.Sprint(v)
		}
	}
	return c, nil
}

// hideEncrypted puts the placeholder in place of each encrypted value of an object, and reports whether there is any.
func hideEncrypted(object map[string]any) (found bool) {
	for key, value := range object {
		inner, is := value.(map[string]any)
		if !is {
			continue
		}
		if _, secure := inner["secure"]; secure {
			object[key], found = Encrypted, true
		} else if hideEncrypted(inner) {
			found = true
		}
	}
	return found
}

// assume fills in what is missing of ownersKeys.
func (c *StackConfig) assume(file map[string]any) {
	for _, owners := range ownersKeys {
		full := c.Project + ":" + owners.key
		if owners.object == "" {
			if value, set := file[full]; !set || value == "" {
				file[full] = owners.placeholder
				c.Secrets = append(c.Secrets, full)
				c.Assumed = append(c.Assumed, owners.key)
			}
			continue
		}
		object, _ := file[c.Project+":"+owners.object].(map[string]any)
		if _, set := object[owners.key]; !set && object != nil {
			object[owners.key] = owners.placeholder
			c.Assumed = append(c.Assumed, owners.object+"."+owners.key+"="+owners.placeholder)
		}
	}
}

func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("parse %s: %w", strings.TrimPrefix(path, "./"), err)
	}
	return nil
}
