package review

import (
	"fmt"
	"slices"
	"strings"
)

// keyed is the input with the key, for each type of resource.
var keyed = map[string][]string{
	"cloudwatch.LogGroup":                          {"kmsKeyId"},
	"dynamodb.Table":                               {"serverSideEncryption", "kmsKeyArn"},
	"elasticache.ServerlessCache":                  {"kmsKeyId"},
	"ecr.Repository":                               {"encryptionConfigurations", "kmsKey"},
	"lambda.Function":                              {"kmsKeyArn"},
	"s3.BucketServerSideEncryptionConfigurationV2": {"rules", "applyServerSideEncryptionByDefault", "kmsMasterKeyId"},
	"secretsmanager.Secret":                        {"kmsKeyId"},
}

// unkeyed are buckets that AWS can write only with S3's own keys.
var unkeyed = []string{"access-logs"}

// halfKeyed finds resources that AWS's keys encrypt in a stack with customer keys, resources that the stack's key
// encrypts in a stack without, and roles that may use data but not its key.
func halfKeyed(g Graph) (broken []string) {
	if !g.Has("kms.Key", "key") {
		return nil // the artifacts' stack has a key for each stack's secrets, and nothing else that is secret
	}
	key := madeUpARN("kms.Key", "key")
	for short, path := range keyed {
		for _, n := range g.Of(short) {
			switch has := n.Text(path...); {
			case !g.CustomerKeys && has != "":
				broken = append(broken, fmt.Sprintf("%s is encrypted with the stack's key, and encryption.customerKeys is off", n))
			case g.CustomerKeys && has != key && !slices.Contains(unkeyed, n.Name) && n.At("replicas").IsNull():
				broken = append(broken, fmt.Sprintf("%s is not encrypted with the stack's key", n))
			}
		}
	}
	if !g.CustomerKeys {
		return broken
	}
	services := map[string]string{"Logs": "logs.", "FlowLogs": "delivery.logs."}
	for _, s := range g.named("kms.Key", "key").allowed() {
		if principal, _ := s.Principal["Service"].(string); strings.HasPrefix(principal, services[s.Sid]) {
			delete(services, s.Sid)
		}
	}
	for sid := range services {
		broken = append(broken, "the key's policy has no statement "+sid+" for the service that writes them")
	}
	data := map[string]string{} // services by ARN
	for short, service := range map[string]string{"dynamodb.Table": "dynamodb", "s3.BucketV2": "s3",
		"secretsmanager.Secret": "secretsmanager"} {
		for _, n := range g.Of(short) {
			if !slices.Contains(unkeyed, n.Name) && n.At("replicas").IsNull() {
				data[madeUpARN(short, n.Name)] = service
			}
		}
	}
	for _, role := range g.Of("iam.RolePolicy") {
		for service, action := range keyNeeds(role, data) {
			if !role.mayThrough(key, service, action) {
				broken = append(broken, fmt.Sprintf("%s may use data in %s, but not its key: it lacks %s", role, service, action))
			}
		}
	}
	return broken
}

// keyNeeds are the services through which a role's policy uses the stack's data, and the widest use of the key there.
func keyNeeds(role Registration, data map[string]string) map[string]string {
	needs := map[string]string{}
	for _, s := range role.allowed() {
		for _, on := range s.Resource {
			arn := strings.TrimSuffix(on, "/*")
			if strings.HasPrefix(on, "arn:aws:s3:::") { // an ARN may be of some objects only
				arn, _, _ = strings.Cut(on, "/")
			}
			service, ours := data[arn]
			for _, action := range s.Action {
				verb, its := strings.CutPrefix(action, service+":")
				if !ours || !its || strings.HasPrefix(verb, "List") {
					continue
				}
				if strings.HasPrefix(verb, "Put") {
					needs[service] = "kms:GenerateDataKey"
				} else if needs[service] == "" {
					needs[service] = "kms:Decrypt"
				}
			}
		}
	}
	return needs
}

// mayThrough reports whether a policy allows an action on a key through one service only.
func (n Registration) mayThrough(key, service, action string) bool {
	return slices.ContainsFunc(n.allowed(), func(s policyStatement) bool {
		through := s.Condition["StringEquals"]["kms:ViaService"]
		return slices.Contains(s.Resource, key) && slices.Contains(s.Action, action) &&
			strings.HasPrefix(fmt.Sprint(through), service+".")
	})
}
