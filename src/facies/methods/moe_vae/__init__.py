"""`moe-vae`: a mixture of variational autoencoders that finds the number of groups and the latent size by itself."""
