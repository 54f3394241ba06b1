package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// stackConfig is a stack's configuration as the engine would pass it: every value a string, objects as JSON.
type stackConfig struct {
	Project string
	Values  map[string]string
	Secrets []string
	Assumed []string
}

// encrypted stands for a secret that is not decrypted offline. It is what a value of apiKeys looks like.
const encrypted = `{"encrypted":"encrypted"}`

// ownersKeys are the settings that only the owner of a protected stack can make; offline they are filled in with these.
var ownersKeys = []struct{ object, key, placeholder string }{
	{"edge", "domain", "events.example.com"},
	{"edge", "hostedZoneId", "Z0123456789EXAMPLE"},
	{"", "apiKeys", encrypted},
}

// readStack reads Pulumi.yaml and Pulumi.<stack>.yaml below root without the engine. It decrypts nothing: an encrypted
// value becomes a placeholder that is still a secret. What a protected stack must have and its file does not is
// assumed, and said so.
func readStack(root, stack string) (stackConfig, error) {
	var project struct {
		Name   string
		Config map[string]struct{ Default any }
	}
	if err := readYAML(filepath.Join(root, "Pulumi.yaml"), &project); err != nil {
		return stackConfig{}, err
	}
	var file struct{ Config map[string]any }
	if err := readYAML(filepath.Join(root, "Pulumi."+stack+".yaml"), &file); err != nil {
		return stackConfig{}, err
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

	c := stackConfig{Project: project.Name, Values: map[string]string{}}
	// `pulumi config set protect true` stores a string.
	if fmt.Sprint(file.Config[project.Name+":protect"]) == "true" {
		c.assume(file.Config)
	}
	for key, value := range file.Config {
		switch v := value.(type) {
		case map[string]any:
			if _, secure := v["secure"]; secure {
				c.Values[key] = encrypted
				c.Secrets = append(c.Secrets, key)
				continue
			}
			text, err := json.Marshal(v)
			if err != nil {
				return stackConfig{}, fmt.Errorf("read %s of stack %s: %w", key, stack, err)
			}
			c.Values[key] = string(text)
		case []any:
			text, err := json.Marshal(v)
			if err != nil {
				return stackConfig{}, fmt.Errorf("read %s of stack %s: %w", key, stack, err)
			}
			c.Values[key] = string(text)
		default:
			c.Values[key] = fmt.Sprint(v)
		}
	}
	return c, nil
}

// assume fills in what is missing of ownersKeys.
func (c *stackConfig) assume(file map[string]any) {
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
