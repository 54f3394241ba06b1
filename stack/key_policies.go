package main

import (
	"slices"
	"strings"
)

// keyPolicy lets the account use the key, as far as its IAM policies allow, and AWS's services that act for no caller:
// CloudWatch, which otherwise could not publish this account's alarms to an encrypted topic, and where all data is
// encrypted with the key, the services that write logs. In a key's policy "*" means this key.
func keyPolicy(account, region, name string, allData, budget bool) document {
	service := func(sid, principal string, conditions map[string]map[string]string, actions ...string) statement {
		return statement{Sid: sid, Effect: "Allow", Principal: map[string]string{"Service": principal}, Action: actions,
			Resource: []string{"*"}, Condition: conditions}
	}
	ours := map[string]string{"aws:SourceAccount": account}
	statements := []statement{accountKeyPolicy(account).Statement[0]}
	for _, writer := range alarmTopicWriters(budget) {
		statements = append(statements, service(writer.sid, writer.principal,
			map[string]map[string]string{"StringEquals": ours}, "kms:Decrypt", "kms:GenerateDataKey"))
	}
	if allData {
		use := []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			"kms:ReEncryptFrom", "kms:ReEncryptTo"}
		logs := "arn:aws:logs:" + region + ":" + account + ":"
		statements = append(statements,
			// The names of the stack's log groups contain the stack's name: the key can't encrypt the logs of another stack.
			service("Logs", "logs."+region+".amazonaws.com", map[string]map[string]string{
				"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs + "log-group:*" + name + "*"}}, use...),
			service("FlowLogs", flowLogDelivery, map[string]map[string]string{"StringEquals": ours,
				"ArnLike": {"aws:SourceArn": logs + "*"}}, append(use, "kms:DescribeKey")...))
	}
	return policy(statements...)
}

// accountKeyPolicy is AWS's default policy. Without it nobody could ever change or delete the key.
func accountKeyPolicy(account string) document {
	return policy(statement{Sid: "Account", Effect: "Allow",
		Principal: map[string]string{"AWS": "arn:aws:iam::" + account + ":root"},
		Action:    []string{"kms:*"}, Resource: []string{"*"}})
}

// What a service does with the key on behalf of its caller, to read and to write.
var keyUses = map[string]struct{ read, write []string }{
	// As the AWS CDK grants them for a table.
	"dynamodb": {[]string{"kms:Decrypt", "kms:DescribeKey"},
		[]string{"kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}},
	// To add parts to an object, S3 decrypts the data key of the first part.
	"s3":             {[]string{"kms:Decrypt"}, []string{"kms:GenerateDataKey"}},
	"secretsmanager": {[]string{"kms:Decrypt"}, []string{"kms:GenerateDataKey"}},
}

// withKey adds the right to use the stack's key where it encrypts the data, and only through the services of the role's
// other rights. Without a key it adds nothing.
func (d document) withKey(key string) document {
	if key == "" {
		return d
	}
	region := strings.Split(key, ":")[3]
	for _, service := range []string{"dynamodb", "s3", "secretsmanager"} {
		uses, may, changes := keyUses[service], false, false
		for _, s := range d.Statement {
			for _, action := range s.Action {
				if verb, its := strings.CutPrefix(action, service+":"); its && s.Effect == "Allow" {
					may, changes = true, changes || writes(verb)
				}
			}
		}
		if !may {
			continue
		}
		actions := slices.Clone(uses.read)
		if changes {
			actions = append(actions, uses.write...)
		}
		through := allow("KeyThrough"+strings.ToUpper(service[:1])+service[1:], []string{key}, actions...)
		through.Condition = map[string]map[string]string{"StringEquals": {
			"kms:ViaService": service + "." + region + ".amazonaws.com"}}
		d.Statement = append(d.Statement, through)
	}
	return d
}

// writes reports whether an action, named without its service, does more than read.
func writes(action string) bool {
	return !slices.ContainsFunc([]string{"BatchGet", "Describe", "Get", "List", "PartiQLSelect", "Query", "Scan"},
		func(verb string) bool { return strings.HasPrefix(action, verb) })
}
