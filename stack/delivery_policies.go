package main

import "fmt"

// githubAudience is what a token of GitHub's is for when aws-actions/configure-aws-credentials asks for it.
const githubAudience = "sts.amazonaws.com"

// trustGitHub lets the jobs of one environment of one repository take a role, and nobody else: both claims are compared
// as a whole. A job gets this subject only where GitHub lets it use the environment, so who may deploy is decided by
// the environment's rules (reviewers, branches); a branch, a tag or a fork has another subject.
func trustGitHub(provider, repository, environment string) document {
	return policy(statement{Sid: "GitHub", Effect: "Allow", Principal: map[string]string{"Federated": provider},
		Action: []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string]string{"StringEquals": {
			githubIssuer + ":aud": githubAudience,
			githubIssuer + ":sub": fmt.Sprintf("repo:%s:environment:%s", repository, environment),
		}}})
}

// publisherPolicy is what the build does: push one image, store one archive, and note what belongs together. It can
// delete nothing, and deploy nothing.
func publisherPolicy(repository, bucket string) document {
	return policy(
		allow("RegistryToken", []string{"*"}, "ecr:GetAuthorizationToken"),
		allow("PushImage", []string{repository}, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
			"ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload",
			"ecr:PutImage", "ecr:UploadLayerPart"),
		allow("StoreRelease", []string{bucket + "/functions/*", bucket + "/releases/*"}, "s3:GetObject", "s3:PutObject"),
	)
}

// deliveryPolicy is what a stack's deployer does beside the stack's own resources: read releases, note which of them
// served in this stack and read what others noted, and keep the state of this stack alone.
func deliveryPolicy(stack, project, stateBucket, bucket, key string) document {
	state := "arn:aws:s3:::" + stateBucket
	own := []string{}
	for _, folder := range []string{"stacks/%s/%s.*", "history/%s/%s/*", "backups/%s/%s/*",
		"locks/organization/%s/%s/*"} {
		own = append(own, state+"/.pulumi/"+fmt.Sprintf(folder, project, stack))
	}
	return policy(
		allow("ReadReleases", []string{bucket + "/functions/*", bucket + "/releases/*", bucket + "/served/*"},
			"s3:GetObject"),
		allow("NoteWhatServed", []string{bucket + "/served/" + stack + "/*"}, "s3:PutObject"),
		allow("FindReleases", []string{bucket, state}, "s3:ListBucket"),
		allow("ReadStatesFormat", []string{state + "/.pulumi/meta.yaml"}, "s3:GetObject"),
		allow("KeepState", own, "s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
		allow("Secrets", []string{key}, "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"),
	)
}
