"""Every field of an experiment. Other configs start from this one and change a few.

tf-transfer sweep --config=default --config.store=STORE --workdir=WORKDIR

Written by python -m tf_transfer.experiment.write_default_config, from the fields of `Experiment` and `Recipe`.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Returns the default experiment: random halves, every layer, all of the paper's treatments."""
    config = ml_collections.ConfigDict()

    # Data and tasks.
    config.store = ""  # path of the image store, made by tf-transfer prepare
    config.expected_store = ""  # what the store will be, for a --dry_run before it is there: imagenet2012
    config.source_store = ""  # another store as task A, with split='data sets'
    config.split = "random"  # random | natural/man-made | explicit | data sets | all (one task, B)
    config.split_seeds = (0,)  # one pair of random halves for each
    # Names of the classes of A and of B, with split='explicit'; also with 'natural/man-made', if they are not those of
    # CIFAR, the shapes or ImageNet (by WordNet id), which are known.
    config.classes_a = ()
    config.classes_b = ()
    config.images_per_class = (0,)  # limits: only the first so many training images of each class; 0 for all

    # Networks.
    # convnet | caffenet | tiny, see tf_transfer/experiment/layer_tables.py; or keras.applications:NAME, any of Keras's
    # models, whose layers are the blocks between points where a single tensor is alive.
    config.network = "convnet"
    # A network's own options, for example filters = (8, 16, 16, 32, 32); of Keras's models, such as alpha = 0.35.
    config.network_options = ml_collections.ConfigDict()

    # What is trained. B stands for the target, A for the other task; `+` lets the copied layers learn.
    config.targets = ("B",)  # ("A", "B") for both directions
    config.treatments = ("BnB", "BnB+", "AnB", "AnB+", "RnB")  # also AnB-preserve1 and the like
    # Values of n; () for all, 1..N-1, or, of Keras's models, for the last one of each resolution.
    config.layers = ()
    config.seeds = (0,)  # seeds of weights, order and dropout

    # Several such groups of networks in one experiment, by name. Each sets what it does not share with the fields
    # above: split, split_seeds, images_per_class, targets, treatments (none: bases alone), layers, seeds, and the
    # recipe's steps and evaluations. For example
    # config.blocks.volumes = dict(split="all", treatments=(), images_per_class=(10, 100), steps=2000)
    config.blocks = ml_collections.ConfigDict()

    # How every network is trained.
    config.recipe = recipe = ml_collections.ConfigDict()
    recipe.batch_size = 64  # images in a step
    recipe.epochs = 18.0  # passes over the target's training images
    recipe.steps = 0  # if not 0, this many steps instead of epochs
    recipe.evaluations = 20  # on all test images, evenly spread over the training
    recipe.learning_rate = 0.03  # the highest learning rate
    recipe.learning_rate_schedule = "cosine"  # cosine (with warm-up) | step (divided by 10) | constant
    recipe.warmup_fraction = 0.05  # share of the steps in which a cosine schedule rises
    recipe.learning_rate_decay_steps = 0  # steps between two divisions by 10 of a step schedule
    recipe.momentum = 0.9
    recipe.weight_decay = 5e-4  # L2, in the gradient, not on biases
    recipe.bias_learning_rate_multiplier = 1.0  # factor on the learning rate of biases; 2 in the paper
    recipe.crop_padding = 0  # zero pixels around the image before it is cropped at random
    recipe.crop_size = 0  # side of the random crop and so of the network's input; 0 for the image's
    recipe.random_flip = False  # each image as it is or mirrored, at random
    recipe.normalisation = "channels"  # channels (mean and deviation) | mean image (subtracted; the paper's)
    # none | balanced: in the loss, all training images of a class together count as much as those of any other. Images
    # of rare classes then take large steps, for which the learning rate may have to be lower.
    recipe.class_weights = "none"
    recipe.precision = "auto"  # float32 | mixed_bfloat16 | auto: the faster one of the workdir's first machine

    # How results are read: top-1 accuracy in the last evaluation, or its mean over the ten best as in the paper; or the
    # mean of the classes' accuracies in the last evaluation, in which rare classes count as much as frequent ones.
    config.metric = "top1_last"  # top1_last | top1_mean_best10 | per_class_last

    # How the work is cut. None of this changes what is trained; other cohorts and numbers of threads (processes) add up
    # in another order, which changes the last bits.
    config.cohort_size = 7  # runs with frozen layers that train side by side
    config.fine_tuned_cohort_size = 1  # likewise without frozen layers
    config.processes = 0  # cohorts that train at the same time; 0: one per core, at most 8, and one on a GPU
    # The same bits each time on the same machine, with as many processes. auto: yes on the CPU, where it costs nothing.
    config.deterministic = "auto"  # auto | yes | no
    # Minutes between two checkpoints, or more if that would take over 1 % of the time.
    config.checkpoint_minutes = 5.0
    config.checkpoint_steps = 0  # if not 0, also a checkpoint about every so many steps
    config.lock()
    config.network_options.unlock()  # each network has its own
    config.blocks.unlock()
    return config
